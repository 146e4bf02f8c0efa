import { useState } from 'react';
import { graphql, useFragment, useMutation } from 'react-relay/hooks';
import { AccountHeader } from '../../../shared/AccountHeader';
import { signOut } from '../../../shared/session';
import type { Account_viewer$key } from './__generated__/Account_viewer.graphql';
import type { AccountLogoutAllMutation } from './__generated__/AccountLogoutAllMutation.graphql';
import type { AccountLogoutMutation } from './__generated__/AccountLogoutMutation.graphql';
import { Unconfirmed } from './Unconfirmed';

const ACCOUNT = graphql`
  fragment Account_viewer on User {
    firstName
    lastName
    email
    emailConfirmedAt
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

interface AccountProps {
  hasMail: boolean;
  viewer: Account_viewer$key;
}

export function Account({ hasMail, viewer }: AccountProps) {
  const user = useFragment(ACCOUNT, viewer);
  const [logout] = useMutation<AccountLogoutMutation>(LOGOUT);
  const [logoutEverywhere] = useMutation<AccountLogoutAllMutation>(LOGOUT_EVERYWHERE);
  const [error, setError] = useState<Error | null>(null);
  const config = { variables: {}, onCompleted: () => signOut(), onError: setError };
  return (
    <>
      <AccountHeader
        error={error}
        onLogout={() => logout(config)}
        onLogoutEverywhere={() => logoutEverywhere(config)}
        user={user}
      />
      {hasMail && !user.emailConfirmedAt && <Unconfirmed />}
    </>
  );
}
