import { useState } from 'react';
import { type GraphQLTaggedNode, useMutation } from 'react-relay/hooks';
import type { MutationParameters } from 'relay-runtime';

/** A mutation with its last result. */
export function useAction<Mutation extends MutationParameters>(
  mutation: GraphQLTaggedNode,
  onCompleted?: (data: Mutation['response']) => void,
) {
  const [commit, isBusy] = useMutation<Mutation>(mutation);
  const [data, setData] = useState<Mutation['response'] | null>(null);
  const [error, setError] = useState<Error | null>(null);

  function send(variables: Mutation['variables']) {
    commit({
      variables,
      onCompleted: (response) => {
        setData(response);
        setError(null);
        onCompleted?.(response);
      },
      onError: setError,
    });
  }

  return { data, error, isBusy, send };
}
