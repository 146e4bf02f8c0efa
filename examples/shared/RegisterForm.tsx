import { Card } from './Card';
import { Done } from './Done';
import { Field, Form } from './Form';

interface RegisterFormProps {
  error: unknown;
  isBusy: boolean;
  minLength: number;
  onLogin: () => void;
  onSubmit: (input: {
    firstName: string;
    lastName: string;
    email: string;
    password: string;
  }) => void;
  sentTo?: string;
}

export function RegisterForm({
  error,
  isBusy,
  minLength,
  onLogin,
  onSubmit,
  sentTo,
}: RegisterFormProps) {
  return (
    <Card title="Create an account">
      {sentTo === undefined ? (
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
            hint={`At least ${minLength} characters of any kind.`}
            error={error}
          />
        </Form>
      ) : (
        <Done>A mail is on its way to {sentTo}. It says how to continue.</Done>
      )}
      <p>
        Have an account?{' '}
        <button type="button" className="link" onClick={onLogin}>
          Log in instead
        </button>
      </p>
    </Card>
  );
}
