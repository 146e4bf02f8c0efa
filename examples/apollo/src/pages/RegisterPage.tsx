import { useMutation } from '@apollo/client/react';
import { graphql } from '../__generated__';
import { Field, Form } from '../components/Form';
import { signIn } from '../session';

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
    <section className="card">
      <title>Create an account</title>
      <h1>Create an account</h1>
      <Form
        error={error}
        isBusy={loading}
        submit="Create account"
        onSubmit={(value) => {
          const input = {
            firstName: value('firstName'),
            lastName: value('lastName'),
            email: value('email'),
            password: value('password'),
            useCookie: true,
          };
          void register({ variables: { input } });
        }}
      >
        <Field name="firstName" label="First name" autoComplete="given-name" error={error} />
        <Field name="lastName" label="Last name" autoComplete="family-name" error={error} />
        <Field name="email" label="E-mail" type="email" autoComplete="username" error={error} />
        <Field
          name="password"
          label="Password"
          type="password"
          autoComplete="new-password"
          hint="At least 8 characters of any kind."
          error={error}
        />
      </Form>
      <p>
        Have an account?{' '}
        <button type="button" className="link" onClick={onLogin}>
          Log in instead
        </button>
      </p>
    </section>
  );
}
