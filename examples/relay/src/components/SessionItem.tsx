import { useState } from 'react';
import { graphql, useFragment, useMutation } from 'react-relay/hooks';
import { ConnectionHandler, type DataID } from 'relay-runtime';
import { SessionRow } from '../../../shared/SessionRow';
import type { SessionItem_session$key } from './__generated__/SessionItem_session.graphql';
import type { SessionItemRevokeMutation } from './__generated__/SessionItemRevokeMutation.graphql';

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

export function SessionItem({ connection, session: key }: SessionItemProps) {
  const session = useFragment(SESSION, key);
  const [commit] = useMutation<SessionItemRevokeMutation>(REVOKE_SESSION);
  const [error, setError] = useState<Error | null>(null);

  function revoke() {
    commit({
      variables: { input: { id: session.id } },
      // Also if the result is false: then the session had ended before.
      updater: (store) => {
        const sessions = store.get(connection);
        if (sessions) ConnectionHandler.deleteNode(sessions, session.id);
      },
      onError: setError,
    });
  }

  return <SessionRow error={error} onEnd={revoke} session={session} />;
}
