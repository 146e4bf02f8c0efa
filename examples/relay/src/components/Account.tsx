import { useState } from 'react';
import { graphql, useFragment, useMutation } from 'react-relay/hooks';
import { signOut } from '../session';
import type { Account_viewer$key } from './__generated__/Account_viewer.graphql';
import type { AccountLogoutAllMutation } from './__generated__/AccountLogoutAllMutation.graphql';
import type { AccountLogoutMutation } from './__generated__/AccountLogoutMutation.graphql';
import { ErrorNotice } from './Notice';

const ACCOUNT = graphql`
  fragment Account_viewer on User {
    firstName
    lastName
    email
  }
`;

const LOGOUT = graphql`
  mutation AccountLogoutMutation {
    logout
  }
`;

const LOGOUT_EVERYWHERE = graphql`
  mutation AccountLogoutAllMutation {
    logoutEverywhere
  }
`;

export function Account({ viewer }: { viewer: Account_viewer$key }) {
  const { firstName, lastName, email } = useFragment(ACCOUNT, viewer);
  const [logout] = useMutation<AccountLogoutMutation>(LOGOUT);
  const [logoutEverywhere] = useMutation<AccountLogoutAllMutation>(LOGOUT_EVERYWHERE);
  const [error, setError] = useState<Error | null>(null);
  const config = { variables: {}, onCompleted: signOut, onError: setError };
  return (
    <header className="account">
      <div>
        <h1>
          {firstName} {lastName}
        </h1>
        <span>{email}</span>
      </div>
      <nav aria-label="Account">
        <button type="button" onClick={() => logout(config)}>
          Log out
        </button>
        <button type="button" onClick={() => logoutEverywhere(config)}>
          Log out everywhere
        </button>
      </nav>
      {error && <ErrorNotice error={error} />}
    </header>
  );
}
