import { Field, Form } from './Form';

interface LoginFormProps {
  error: unknown;
  hasEnded: boolean;
  isBusy: boolean;
  onRegister: () => void;
  onSubmit: (input: { email: string; password: string; useCookie: true }) => void;
}

export function LoginForm({ error, hasEnded, isBusy, onRegister, onSubmit }: LoginFormProps) {
  return (
    <section className="card">
      <title>Log in</title>
      <h1>Log in</h1>
      {hasEnded && <p role="status">Your session has ended. Log in again.</p>}
      <Form
        error={error}
        isBusy={isBusy}
        submit="Log in"
        onSubmit={(value) =>
          onSubmit({ email: value('email'), password: value('password'), useCookie: true })
        }
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
