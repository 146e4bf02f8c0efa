// Apollo Server 5 as its documentation sets it up for production: "API Reference: expressMiddleware"
// and "Authentication and authorization".
import http from 'node:http';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import { expressMiddleware } from '@as-integrations/express5';
import cors from 'cors';
import express from 'express';
import { GraphQLError } from 'graphql';
import { login, register, verifyToken } from './users.js';

const typeDefs = `#graphql
  type User { id: ID! email: String! firstName: String! lastName: String! }
  type AuthPayload { token: String! user: User! }
  input RegisterInput { firstName: String! lastName: String! email: String! password: String! }
  input LoginInput { email: String! password: String! }
  type Query { welcome: String! }
  type Mutation {
    register(input: RegisterInput!): AuthPayload!
    login(input: LoginInput!): AuthPayload!
  }
`;

const resolvers = {
  User: { firstName: (user) => user.first_name, lastName: (user) => user.last_name },
  Query: {
    welcome(_parent, _variables, { user }) {
      if (!user) throw error('User is not authenticated', 'UNAUTHENTICATED');
      return 'Welcome 🙌';
    },
  },
  Mutation: {
    async register(_parent, { input: { firstName, lastName, email, password } }) {
      const user = await register(firstName, lastName, email, password);
      if (!user) throw error('The e-mail has an account already', 'EMAIL_TAKEN');
      return { token: user.token, user };
    },
    async login(_parent, { input: { email, password } }) {
      const user = await login(email, password);
      if (!user) throw error('The e-mail or the password is wrong', 'INVALID_CREDENTIALS');
      return { token: user.token, user };
    },
  },
};

function error(message, code) {
  return new GraphQLError(message, { extensions: { code } });
}

function userOf(authorization) {
  try {
    return verifyToken(authorization?.replace('Bearer ', ''));
  } catch {
    return null;
  }
}

const app = express();
const httpServer = http.createServer(app);
const plugins = [ApolloServerPluginDrainHttpServer({ httpServer })];
const server = new ApolloServer({ typeDefs, resolvers, plugins });
await server.start();
const context = async ({ req }) => ({ user: userOf(req.headers.authorization) });
app.use('/graphql', cors(), express.json(), expressMiddleware(server, { context }));
httpServer.listen(Number(process.env.PORT), '127.0.0.1');
