import { useMutation } from '@apollo/client/react';
import { graphql } from '../__generated__';
import { Field, Form } from '../components/Form';
import { signIn } from '../session';

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
    <section className="card">
      <title>Log in</title>
      <h1>Log in</h1>
      {hasEnded && <p role="status">Your session has ended. Log in again.</p>}
      <Form
        error={error}
        isBusy={loading}
        submit="Log in"
        onSubmit={(value) => {
          const input = { email: value('email'), password: value('password'), useCookie: true };
          void login({ variables: { input } });
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
