import { useState } from 'react';
import { graphql, useFragment, useMutation } from 'react-relay/hooks';
import { ConnectionHandler, type DataID } from 'relay-runtime';
import type { SessionItem_session$key } from './__generated__/SessionItem_session.graphql';
import type { SessionItemRevokeMutation } from './__generated__/SessionItemRevokeMutation.graphql';
import { ErrorNotice } from './Notice';

const SESSION = graphql`
  fragment SessionItem_session on Session {
    id
    current
    createdAt
    lastUsedAt
    ipAddress
    userAgent
  }
`;

const REVOKE_SESSION = graphql`
  mutation SessionItemRevokeMutation($input: RevokeSessionInput!) {
    revokeSession(input: $input)
  }
`;

interface SessionItemProps {
  connection: DataID;
  session: SessionItem_session$key;
}

const dateTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const format = (iso: string) => dateTime.format(new Date(iso));

/** Good enough for people to tell their devices apart. */
function device(userAgent: string | null | undefined) {
  const browser = /Firefox|Edg|Chrome|Safari/.exec(userAgent ?? '')?.[0].replace('Edg', 'Edge');
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(userAgent ?? '')?.[0];
  return browser && system ? `${browser} on ${system}` : (userAgent ?? 'Unknown device');
}

export function SessionItem({ connection, session: key }: SessionItemProps) {
  const session = useFragment(SESSION, key);
  const [commit] = useMutation<SessionItemRevokeMutation>(REVOKE_SESSION);
  const [error, setError] = useState<Error | null>(null);

  function revoke() {
    commit({
      variables: { input: { id: session.id } },
      // Whether it ended now or before (then the answer is false), it is gone.
      updater: (store) => {
        const sessions = store.get(connection);
        if (sessions) ConnectionHandler.deleteNode(sessions, session.id);
      },
      onError: setError,
    });
  }

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
        <button type="button" onClick={revoke}>
          End
        </button>
      )}
    </li>
  );
}
