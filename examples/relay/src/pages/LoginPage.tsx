import { useState } from 'react';
import { graphql, useMutation } from 'react-relay/hooks';
import { LoginForm } from '../../../shared/LoginForm';
import { signIn } from '../../../shared/session';
import type { LoginPageMutation } from './__generated__/LoginPageMutation.graphql';

const LOGIN = graphql`
  mutation LoginPageMutation($input: LoginInput!) {
    login(input: $input) {
      token
      user {
        id
      }
    }
  }
`;

export function LoginPage({ hasEnded, onRegister }: { hasEnded: boolean; onRegister: () => void }) {
  const [login, isBusy] = useMutation<LoginPageMutation>(LOGIN);
  const [error, setError] = useState<Error | null>(null);
  return (
    <LoginForm
      error={error}
      hasEnded={hasEnded}
      isBusy={isBusy}
      onRegister={onRegister}
      onSubmit={(input) =>
        login({
          variables: { input },
          onCompleted: ({ login }) => signIn(login),
          onError: setError,
        })
      }
    />
  );
}
