import { graphql } from 'react-relay/hooks';
import type { Features } from '../../../shared/features';
import { RegisterForm } from '../../../shared/RegisterForm';
import { signIn } from '../../../shared/session';
import { useAction } from '../components/useAction';
import type { RegisterPageMutation } from './__generated__/RegisterPageMutation.graphql';
import type { RegisterPageSignUpMutation } from './__generated__/RegisterPageSignUpMutation.graphql';

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

const SIGN_UP = graphql`
  mutation RegisterPageSignUpMutation($input: SignUpInput!) {
    signUp(input: $input) {
      email
    }
  }
`;

interface RegisterPageProps {
  features: Features;
  onLogin: () => void;
}

export function RegisterPage({ features, onLogin }: RegisterPageProps) {
  const register = useAction<RegisterPageMutation>(REGISTER, ({ register }) => signIn(register));
  const signUp = useAction<RegisterPageSignUpMutation>(SIGN_UP);
  return (
    <RegisterForm
      error={register.error ?? signUp.error}
      isBusy={register.isBusy || signUp.isBusy}
      minLength={features.passwordMinLength}
      onLogin={onLogin}
      onSubmit={(input) =>
        features.mail
          ? signUp.send({ input })
          : register.send({ input: { ...input, useCookie: true } })
      }
      sentTo={signUp.data?.signUp.email}
    />
  );
}
