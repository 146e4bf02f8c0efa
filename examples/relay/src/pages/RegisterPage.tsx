import { useState } from 'react';
import { graphql, useMutation } from 'react-relay/hooks';
import { Field, Form } from '../components/Form';
import { signIn } from '../session';
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
    <section className="card">
      <title>Create an account</title>
      <h1>Create an account</h1>
      <Form
        error={error}
        isBusy={isBusy}
        submit="Create account"
        onSubmit={(value) => {
          const input = {
            firstName: value('firstName'),
            lastName: value('lastName'),
            email: value('email'),
            password: value('password'),
            useCookie: true,
          };
          register({
            variables: { input },
            onCompleted: ({ register }) => signIn(register),
            onError: setError,
          });
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
