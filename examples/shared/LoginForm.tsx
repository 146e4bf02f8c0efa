import { Card } from './Card';
import { Field, Form } from './Form';
import { canCreateAccount, type Features } from './features';
import type { Page } from './link';

interface LoginFormProps {
  error: unknown;
  features: Features;
  isBusy: boolean;
  notice?: string;
  onPage: (page: Page) => void;
  onSubmit: (input: { email: string; password: string; useCookie: true }) => void;
}

export function LoginForm({ error, features, isBusy, notice, onPage, onSubmit }: LoginFormProps) {
  return (
    <Card title="Log in">
      {notice && <p role="status">{notice}</p>}
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
      {features.mail && (
        <p>
          <button type="button" className="link" onClick={() => onPage('forgotPassword')}>
            Forgot your password?
          </button>
        </p>
      )}
      {features.signInLinks && (
        <p>
          <button type="button" className="link" onClick={() => onPage('signInLink')}>
            Log in by a link
          </button>
        </p>
      )}
      {canCreateAccount(features) && (
        <p>
          New here?{' '}
          <button type="button" className="link" onClick={() => onPage('register')}>
            Create an account
          </button>
        </p>
      )}
    </Card>
  );
}
