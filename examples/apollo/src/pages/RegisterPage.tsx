import { useMutation } from '@apollo/client/react';
import type { Features } from '../../../shared/features';
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

const SIGN_UP = graphql(`
  mutation SignUp($input: SignUpInput!) {
    signUp(input: $input) {
      email
    }
  }
`);

interface RegisterPageProps {
  features: Features;
  onLogin: () => void;
}

export function RegisterPage({ features, onLogin }: RegisterPageProps) {
  const [register, registered] = useMutation(REGISTER, {
    onCompleted: ({ register }) => signIn(register),
  });
  const [signUp, signedUp] = useMutation(SIGN_UP);
  return (
    <RegisterForm
      error={registered.error ?? signedUp.error}
      isBusy={registered.loading || signedUp.loading}
      minLength={features.passwordMinLength}
      onLogin={onLogin}
      onSubmit={(input) =>
        features.mail
          ? void signUp({ variables: { input } })
          : void register({ variables: { input: { ...input, useCookie: true } } })
      }
      sentTo={signedUp.data?.signUp.email}
    />
  );
}
