import type { FetchFunction, GraphQLResponse } from 'relay-runtime';
import { Environment, Network, RecordSource, Store } from 'relay-runtime';
import { type GraphQLResult, isUnauthenticated } from '../../shared/errors';
import { authorization, currentSession, renew, url } from '../../shared/session';

class GraphQLErrors extends Error {
  constructor(readonly errors: GraphQLResult['errors']) {
    super('The server answered with errors.');
  }
}

async function send(body: string): Promise<GraphQLResult> {
  const response = await fetch(url, {
    method: 'POST',
    credentials: 'include',
    headers: { 'content-type': 'application/json', ...authorization() },
    body,
  });
  return response.json();
}

const execute: FetchFunction = async ({ text }, variables) => {
  const session = currentSession();
  const body = JSON.stringify({ query: text, variables });
  let result = await send(body);
  if (isUnauthenticated(result) && (await renew(session))) result = await send(body);
  // Relay ignores errors of nullable fields.
  if (result.errors) throw new GraphQLErrors(result.errors);
  return result as GraphQLResponse;
};

export function createEnvironment() {
  return new Environment({
    network: Network.create(execute),
    store: new Store(new RecordSource()),
  });
}
