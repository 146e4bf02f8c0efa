import { useMutation, useQuery } from '@apollo/client/react';
import { AccountHeader } from '../../../shared/AccountHeader';
import { signOut } from '../../../shared/session';
import { graphql } from '../__generated__';
import { Unconfirmed } from './Unconfirmed';

const ACCOUNT = graphql(`
  query Account {
    viewer {
      id
      firstName
      lastName
      email
      emailConfirmedAt
    }
    features {
      mail
    }
  }
`);

const LOGOUT = graphql(`
  mutation Logout {
    logout
  }
`);

const LOGOUT_EVERYWHERE = graphql(`
  mutation LogoutEverywhere {
    logoutEverywhere
  }
`);

export function Account() {
  const { data } = useQuery(ACCOUNT);
  const [logout, logoutResult] = useMutation(LOGOUT, { onCompleted: () => signOut() });
  const [logoutEverywhere, everywhereResult] = useMutation(LOGOUT_EVERYWHERE, {
    onCompleted: () => signOut(),
  });
  const user = data?.viewer;
  return (
    <>
      <AccountHeader
        error={logoutResult.error ?? everywhereResult.error}
        onLogout={() => void logout()}
        onLogoutEverywhere={() => void logoutEverywhere()}
        user={user}
      />
      {data?.features.mail && user && !user.emailConfirmedAt && <Unconfirmed />}
    </>
  );
}
