import { useState } from 'react';
import { fetchQuery, type GraphQLTaggedNode, useRelayEnvironment } from 'react-relay/hooks';
import type { OperationType } from 'relay-runtime';

const IDLE = { isBusy: false, error: null as Error | null };

/** Asks again beside Suspense: what is shown stays, and an error is shown along with it. */
export function useReload<Query extends OperationType>(
  query: GraphQLTaggedNode,
  variables: Query['variables'],
) {
  const environment = useRelayEnvironment();
  const [state, setState] = useState(IDLE);

  function reload() {
    setState({ ...state, isBusy: true });
    fetchQuery<Query>(environment, query, variables).subscribe({
      complete: () => setState(IDLE),
      error: (error: Error) => setState({ isBusy: false, error }),
    });
  }

  return { ...state, reload };
}
