import { useMutation } from '@apollo/client/react';
import { LoginForm } from '../../../shared/LoginForm';
import { signIn } from '../../../shared/session';
import { graphql } from '../__generated__';

const LOGIN = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      token
      user {
        id
      }
    }
  }
`);

export function LoginPage({ hasEnded, onRegister }: { hasEnded: boolean; onRegister: () => void }) {
  const [login, { error, loading }] = useMutation(LOGIN, {
    onCompleted: ({ login }) => signIn(login),
  });
  return (
    <LoginForm
      error={error}
      hasEnded={hasEnded}
      isBusy={loading}
      onRegister={onRegister}
      onSubmit={(input) => void login({ variables: { input } })}
    />
  );
}
