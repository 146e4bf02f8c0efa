import { graphql } from 'react-relay/hooks';
import type { Features } from '../../../shared/features';
import { LoginForm } from '../../../shared/LoginForm';
import type { Page } from '../../../shared/link';
import { signIn } from '../../../shared/session';
import { useAction } from '../components/useAction';
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

interface LoginPageProps {
  features: Features;
  notice?: string;
  onPage: (page: Page) => void;
}

export function LoginPage(props: LoginPageProps) {
  const { error, isBusy, send } = useAction<LoginPageMutation>(LOGIN, ({ login }) => signIn(login));
  return (
    <LoginForm {...props} error={error} isBusy={isBusy} onSubmit={(input) => send({ input })} />
  );
}
