import type { FetchFunction, GraphQLResponse } from 'relay-runtime';
import { Environment, Network, RecordSource, Store } from 'relay-runtime';
import { type Answer, GraphQLErrors, isUnauthenticated } from './errors';
import { authorization, currentSession, renew, url } from './session';

async function send(body: string): Promise<Answer> {
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
  let answer = await send(body);
  if (isUnauthenticated(answer) && (await renew(session))) answer = await send(body);
  // Relay itself would hide the errors of fields that may be null.
  if (answer.errors) throw new GraphQLErrors(answer.errors);
  return answer as GraphQLResponse;
};

export function createEnvironment() {
  return new Environment({
    network: Network.create(execute),
    store: new Store(new RecordSource()),
  });
}
