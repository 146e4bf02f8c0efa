// Two queries in one batch, by the BatchHttpLink of Apollo Client 4 or 3; prints the errors.
import { createRequire } from 'node:module';

const [uri, version] = process.argv.slice(2);
// Version 3 has no modules that Node.js resolves by these names.
const load = createRequire(import.meta.url);
const name = version === '4' ? '@apollo/client' : 'apollo-client-3';
const { ApolloClient, gql, InMemoryCache } = load(version === '4' ? name : `${name}/core`);
const { BatchHttpLink } = load(`${name}/link/batch-http`);

const client = new ApolloClient({ cache: new InMemoryCache(), link: new BatchHttpLink({ uri }) });
const queries = [gql('query A { welcome }'), gql('query B { viewer { id } }')];
const results = await Promise.allSettled(queries.map((query) => client.query({ query })));
console.log(JSON.stringify(results.map(({ reason }) => reason.message)));
