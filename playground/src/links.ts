import { LINK_OPERATIONS, type LinkOperation } from './mail_links';
import { READY_OPERATIONS, type ReadyOperation } from './operations';
import { blanked } from './secrets';

/** Links to operations, in the fragment of the URL, which browsers do not send to servers. */

export interface Linked {
  query: string;
  variables: string;
  operationName?: string;
}

export function readLink(fragment: string, isSignedIn = false): Linked | null {
  const text = fragment.replace(/^#/, '');
  const ready = readyOperation(text);
  if (ready) {
    const { query, variables, variablesOfUser = variables } = ready;
    return { query, variables: isSignedIn ? variablesOfUser : variables };
  }
  const parameters = new URLSearchParams(text);
  const query = parameters.get('query');
  if (!query) return null;
  const operationName = parameters.get('operationName');
  const variables = parameters.get('variables') ?? '';
  const isName = operationName !== null && /^\w+$/.test(operationName);
  return { query, variables, ...(isName && { operationName }) };
}

function readyOperation(name: string): (ReadyOperation & Partial<LinkOperation>) | undefined {
  const isNamed = (operation: ReadyOperation) =>
    operation.name.toLowerCase() === name.toLowerCase();
  return READY_OPERATIONS.find(isNamed) ?? LINK_OPERATIONS.find(isNamed);
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
