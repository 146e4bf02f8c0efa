import { readyOperation } from './operations';
import { blanked } from './secrets';

/** Links to operations, in the fragment of the URL, which browsers do not send to servers. */

export interface Linked {
  query: string;
  variables: string;
  operationName?: string;
}

export function readLink(fragment: string): Linked | null {
  const text = fragment.replace(/^#/, '');
  const ready = readyOperation(text);
  if (ready) return { query: ready.query, variables: ready.variables };
  const parameters = new URLSearchParams(text);
  const query = parameters.get('query');
  if (!query) return null;
  const operationName = parameters.get('operationName');
  const variables = parameters.get('variables') ?? '';
  const isName = operationName !== null && /^\w+$/.test(operationName);
  return { query, variables, ...(isName && { operationName }) };
}

export function linkTo(address: string, linked: Linked): string {
  const { query, variables, operationName } = blanked(linked);
  const parameters = new URLSearchParams({ query });
  if (variables.trim()) parameters.set('variables', variables);
  if (operationName) parameters.set('operationName', operationName);
  const url = new URL(address);
  url.hash = parameters.toString();
  return url.href;
}
