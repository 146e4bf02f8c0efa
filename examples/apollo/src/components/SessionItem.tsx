import { useMutation } from '@apollo/client/react';
import { SessionRow } from '../../../shared/SessionRow';
import { graphql } from '../__generated__';
import type { SessionItemFragment } from '../__generated__/graphql';

graphql(`
  fragment SessionItem on Session {
    id
    current
    createdAt
    lastUsedAt
    ipAddress
    userAgent
  }
`);

const REVOKE_SESSION = graphql(`
  mutation RevokeSession($input: RevokeSessionInput!) {
    revokeSession(input: $input)
  }
`);

export function SessionItem({ session }: { session: SessionItemFragment }) {
  const [revoke, { error }] = useMutation(REVOKE_SESSION, {
    variables: { input: { id: session.id } },
    // Also if the result is false: then the session had ended before.
    update: (cache) => {
      cache.evict({ id: cache.identify({ ...session, __typename: 'Session' }) });
      cache.gc();
    },
  });
  return <SessionRow error={error} onEnd={() => void revoke()} session={session} />;
}
