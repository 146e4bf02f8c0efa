import { useMutation } from '@apollo/client/react';
import { graphql } from '../__generated__';
import type { SessionItemFragment } from '../__generated__/graphql';
import { ErrorNotice } from './Notice';

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

const dateTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const format = (iso: string) => dateTime.format(new Date(iso));

/** Good enough for people to tell their devices apart. */
function device(userAgent: string | null) {
  const browser = /Firefox|Edg|Chrome|Safari/.exec(userAgent ?? '')?.[0].replace('Edg', 'Edge');
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(userAgent ?? '')?.[0];
  return browser && system ? `${browser} on ${system}` : (userAgent ?? 'Unknown device');
}

export function SessionItem({ session }: { session: SessionItemFragment }) {
  const [revoke, { error }] = useMutation(REVOKE_SESSION, {
    variables: { input: { id: session.id } },
    // Whether it ended now or before (then the answer is false), it is gone.
    update: (cache) => {
      cache.evict({ id: cache.identify({ ...session, __typename: 'Session' }) });
      cache.gc();
    },
  });
  return (
    <li>
      <div>
        <strong>{device(session.userAgent)}</strong>
        {session.current && <span className="badge">This device</span>}
        <p>
          Signed in {format(session.createdAt)}
          <br />
          Last used {format(session.lastUsedAt)}, from {session.ipAddress ?? 'an unknown address'}
        </p>
        {error && <ErrorNotice error={error} />}
      </div>
      {!session.current && (
        <button type="button" onClick={() => void revoke()}>
          End
        </button>
      )}
    </li>
  );
}
