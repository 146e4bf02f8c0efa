import { useState } from 'react';
import { graphql, useMutation } from 'react-relay/hooks';
import { Field, Form } from '../components/Form';
import { signIn } from '../session';
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
    <section className="card">
      <title>Log in</title>
      <h1>Log in</h1>
      {hasEnded && <p role="status">Your session has ended. Log in again.</p>}
      <Form
        error={error}
        isBusy={isBusy}
        submit="Log in"
        onSubmit={(value) => {
          const input = { email: value('email'), password: value('password'), useCookie: true };
          login({
            variables: { input },
            onCompleted: ({ login }) => signIn(login),
            onError: setError,
          });
        }}
      >
        <Field name="email" label="E-mail" type="email" autoComplete="username" error={error} />
        <Field
          name="password"
          label="Password"
          type="password"
          autoComplete="current-password"
          error={error}
        />
      </Form>
      <p>
        New here?{' '}
        <button type="button" className="link" onClick={onRegister}>
          Create an account
        </button>
      </p>
    </section>
  );
}
