import { useMutation } from '@apollo/client/react';
import { RegisterForm } from '../../../shared/RegisterForm';
import { signIn } from '../../../shared/session';
import { graphql } from '../__generated__';

const REGISTER = graphql(`
  mutation Register($input: RegisterInput!) {
    register(input: $input) {
      token
      user {
        id
      }
    }
  }
`);

export function RegisterPage({ onLogin }: { onLogin: () => void }) {
  const [register, { error, loading }] = useMutation(REGISTER, {
    onCompleted: ({ register }) => signIn(register),
  });
  return (
    <RegisterForm
      error={error}
      isBusy={loading}
      onLogin={onLogin}
      onSubmit={(input) => void register({ variables: { input } })}
    />
  );
}
