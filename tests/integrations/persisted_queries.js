// Queries with the persisted query links of Apollo Client and urql; prints what each sent and got.
import { createHash } from 'node:crypto';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { createPersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';

const [uri, client, method] = process.argv.slice(2);
const QUERY = 'query A { __typename }';
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const requests = [];

async function recordingFetch(url, options) {
  const parameters =
    options.method === 'GET'
      ? Object.fromEntries(new URL(url).searchParams)
      : JSON.parse(options.body);
  const hasHash = JSON.stringify(parameters.extensions ?? {}).includes('persistedQuery');
  const sent = [parameters.query && 'document', hasHash && 'hash'].filter(Boolean);
  requests.push(`${options.method} ${sent.join(' and ')}`);
  return fetch(url, options);
}

async function withApollo() {
  const link = createPersistedQueryLink({
    sha256,
    useGETForHashedQueries: method === 'GET',
    ...(client === 'apollo, always enabled' && { disable: () => false }),
  });
  const http = new HttpLink({ uri, fetch: recordingFetch });
  const apollo = new ApolloClient({ cache: new InMemoryCache(), link: link.concat(http) });
  const ask = () => apollo.query({ query: gql(QUERY), fetchPolicy: 'network-only' });
  return [await ask(), await ask()];
}

async function withUrql() {
  const preferGet = method === 'GET' ? 'force' : false;
  const urql = new Client({
    url: uri,
    fetch: recordingFetch,
    preferGetMethod: preferGet,
    exchanges: [persistedExchange({ preferGetForPersistedQueries: preferGet }), fetchExchange],
  });
  const ask = () => urql.query(QUERY, {}, { requestPolicy: 'network-only' }).toPromise();
  return [await ask(), await ask()];
}

const results = await (client === 'urql' ? withUrql() : withApollo());
const answers = results.map(({ data, error }) => error?.message ?? data.__typename);
console.log(JSON.stringify({ requests, answers }));
