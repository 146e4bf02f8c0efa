import { useState } from 'react';
import { graphql, useMutation } from 'react-relay/hooks';
import { RegisterForm } from '../../../shared/RegisterForm';
import { signIn } from '../../../shared/session';
import type { RegisterPageMutation } from './__generated__/RegisterPageMutation.graphql';

const REGISTER = graphql`
  mutation RegisterPageMutation($input: RegisterInput!) {
    register(input: $input) {
      token
      user {
        id
      }
    }
  }
`;

export function RegisterPage({ onLogin }: { onLogin: () => void }) {
  const [register, isBusy] = useMutation<RegisterPageMutation>(REGISTER);
  const [error, setError] = useState<Error | null>(null);
  return (
    <RegisterForm
      error={error}
      isBusy={isBusy}
      onLogin={onLogin}
      onSubmit={(input) =>
        register({
          variables: { input },
          onCompleted: ({ register }) => signIn(register),
          onError: setError,
        })
      }
    />
  );
}
