// The gateway: it passes on what graphql-auth needs to know of a client.
import { readFileSync } from 'node:fs';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

class Subgraph extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    for (const [name, value] of Object.entries(context)) {
      if (value) request.http.headers.set(name, value);
    }
  }
}

const gateway = new ApolloGateway({
  supergraphSdl: readFileSync('supergraph.graphql', 'utf8'),
  buildService: ({ url }) => new Subgraph({ url }),
});
const context = async ({ req }) => ({
  authorization: req.headers.authorization,
  'user-agent': req.headers['user-agent'],
  'x-forwarded-for': req.socket.remoteAddress,
});
const port = Number(process.env.GATEWAY_PORT ?? 4000);
await startStandaloneServer(new ApolloServer({ gateway }), {
  context,
  listen: { host: '127.0.0.1', port },
});
