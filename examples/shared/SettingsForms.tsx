import { Done } from './Done';
import type { Messages } from './errors';
import { Field, Form } from './Form';

// Only the password is asked for.
const MESSAGES: Messages = { INVALID_CREDENTIALS: 'The password is wrong.' };

interface FormProps<Input> {
  error: unknown;
  isBusy: boolean;
  onSubmit: (input: Input) => void;
}

interface NameFormProps extends FormProps<{ firstName: string; lastName: string }> {
  isDone: boolean;
  user: { firstName: string; lastName: string };
}

export function NameForm({ error, isBusy, isDone, onSubmit, user }: NameFormProps) {
  if (isDone) return <Done>Your name is saved.</Done>;
  return (
    <Form
      error={error}
      isBusy={isBusy}
      submit="Save name"
      onSubmit={(value) => onSubmit({ firstName: value('firstName'), lastName: value('lastName') })}
    >
      <Field
        name="firstName"
        label="First name"
        autoComplete="given-name"
        defaultValue={user.firstName}
        error={error}
      />
      <Field
        name="lastName"
        label="Last name"
        autoComplete="family-name"
        defaultValue={user.lastName}
        error={error}
      />
    </Form>
  );
}

interface EmailFormProps extends FormProps<{ newEmail: string; currentPassword: string }> {
  sentTo?: string;
}

export function EmailForm({ error, isBusy, onSubmit, sentTo }: EmailFormProps) {
  if (sentTo !== undefined) {
    return <Done>If no account has {sentTo}, a link is on its way. Open it there.</Done>;
  }
  return (
    <Form
      error={error}
      isBusy={isBusy}
      messages={MESSAGES}
      submit="Send a link"
      onSubmit={(value) =>
        onSubmit({ newEmail: value('newEmail'), currentPassword: value('currentPassword') })
      }
    >
      <Field name="newEmail" label="New e-mail" type="email" autoComplete="email" error={error} />
      <CurrentPassword error={error} />
    </Form>
  );
}

interface PasswordFormProps extends FormProps<{ currentPassword: string; newPassword: string }> {
  isDone: boolean;
  minLength: number;
}

export function PasswordForm({ error, isBusy, isDone, minLength, onSubmit }: PasswordFormProps) {
  if (isDone) return <Done>Your password has changed. All other devices are logged out.</Done>;
  return (
    <Form
      error={error}
      isBusy={isBusy}
      messages={MESSAGES}
      submit="Save password"
      onSubmit={(value) =>
        onSubmit({ currentPassword: value('currentPassword'), newPassword: value('newPassword') })
      }
    >
      <CurrentPassword error={error} />
      <Field
        name="newPassword"
        label="New password"
        type="password"
        autoComplete="new-password"
        hint={`At least ${minLength} characters of any kind.`}
        error={error}
      />
    </Form>
  );
}

export function DeletionForm({ error, isBusy, onSubmit }: FormProps<{ currentPassword: string }>) {
  return (
    <Form
      error={error}
      isBusy={isBusy}
      messages={MESSAGES}
      submit="Delete account"
      onSubmit={(value) => onSubmit({ currentPassword: value('currentPassword') })}
    >
      <p>This deletes all that we store of you. You cannot undo it.</p>
      <CurrentPassword error={error} />
    </Form>
  );
}

function CurrentPassword({ error }: { error: unknown }) {
  return (
    <Field
      name="currentPassword"
      label="Current password"
      type="password"
      autoComplete="current-password"
      error={error}
    />
  );
}
