import { useState } from 'react';
import { graphql, useFragment, useMutation } from 'react-relay/hooks';
import { AccountHeader } from '../../../shared/AccountHeader';
import { signOut } from '../../../shared/session';
import type { Account_viewer$key } from './__generated__/Account_viewer.graphql';
import type { AccountLogoutAllMutation } from './__generated__/AccountLogoutAllMutation.graphql';
import type { AccountLogoutMutation } from './__generated__/AccountLogoutMutation.graphql';

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
  const user = useFragment(ACCOUNT, viewer);
  const [logout] = useMutation<AccountLogoutMutation>(LOGOUT);
  const [logoutEverywhere] = useMutation<AccountLogoutAllMutation>(LOGOUT_EVERYWHERE);
  const [error, setError] = useState<Error | null>(null);
  const config = { variables: {}, onCompleted: signOut, onError: setError };
  return (
    <AccountHeader
      error={error}
      onLogout={() => logout(config)}
      onLogoutEverywhere={() => logoutEverywhere(config)}
      user={user}
    />
  );
}
