import { useMutation } from '@apollo/client/react';
import type { Features } from '../../../shared/features';
import { LoginForm } from '../../../shared/LoginForm';
import type { Page } from '../../../shared/link';
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

interface LoginPageProps {
  features: Features;
  notice?: string;
  onPage: (page: Page) => void;
}

export function LoginPage(props: LoginPageProps) {
  const [login, { error, loading }] = useMutation(LOGIN, {
    onCompleted: ({ login }) => signIn(login),
  });
  return (
    <LoginForm
      {...props}
      error={error}
      isBusy={loading}
      onSubmit={(input) => void login({ variables: { input } })}
    />
  );
}
