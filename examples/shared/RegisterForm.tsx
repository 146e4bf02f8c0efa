import { Field, Form } from './Form';

interface RegisterFormProps {
  error: unknown;
  isBusy: boolean;
  onLogin: () => void;
  onSubmit: (input: {
    firstName: string;
    lastName: string;
    email: string;
    password: string;
    useCookie: true;
  }) => void;
}

export function RegisterForm({ error, isBusy, onLogin, onSubmit }: RegisterFormProps) {
  return (
    <section className="card">
      <title>Create an account</title>
      <h1>Create an account</h1>
      <Form
        error={error}
        isBusy={isBusy}
        submit="Create account"
        onSubmit={(value) =>
          onSubmit({
            firstName: value('firstName'),
            lastName: value('lastName'),
            email: value('email'),
            password: value('password'),
            useCookie: true,
          })
        }
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
