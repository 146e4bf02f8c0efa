// Parse Server as its GraphQL guide starts it: "Using Docker or the CLI", with --mountGraphQL.
import { ParseServer } from 'parse-server';

const { MONGO_URI, PORT, TOKEN_KEY } = process.env;

await ParseServer.startApp({
  appId: 'benchmark',
  masterKey: TOKEN_KEY,
  databaseURI: MONGO_URI,
  serverURL: `http://127.0.0.1:${PORT}/parse`,
  host: '127.0.0.1',
  port: Number(PORT),
  mountGraphQL: true,
  logLevel: 'error',
  silent: true,
});
