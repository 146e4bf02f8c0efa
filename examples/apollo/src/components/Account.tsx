import { useMutation, useQuery } from '@apollo/client/react';
import { graphql } from '../__generated__';
import { signOut } from '../session';
import { ErrorNotice } from './Notice';

const ACCOUNT = graphql(`
  query Account {
    viewer {
      id
      firstName
      lastName
      email
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
  const [logout, logoutResult] = useMutation(LOGOUT, { onCompleted: signOut });
  const [logoutEverywhere, everywhereResult] = useMutation(LOGOUT_EVERYWHERE, {
    onCompleted: signOut,
  });
  const error = logoutResult.error ?? everywhereResult.error;
  return (
    <header className="account">
      <div>
        <h1>
          {data?.viewer?.firstName} {data?.viewer?.lastName}
        </h1>
        <span>{data?.viewer?.email}</span>
      </div>
      <nav aria-label="Account">
        <button type="button" onClick={() => void logout()}>
          Log out
        </button>
        <button type="button" onClick={() => void logoutEverywhere()}>
          Log out everywhere
        </button>
      </nav>
      {error && <ErrorNotice error={error} />}
    </header>
  );
}
