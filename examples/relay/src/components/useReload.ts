import { useState } from 'react';
import { fetchQuery, type GraphQLTaggedNode, useRelayEnvironment } from 'react-relay/hooks';
import type { OperationType } from 'relay-runtime';

const IDLE = { isBusy: false, error: null as Error | null };

/** Refetches without Suspense: the old data stays on the page, an error is shown beside it. */
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
