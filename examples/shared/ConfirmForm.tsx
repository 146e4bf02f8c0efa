import { useState } from 'react';
import { Card } from './Card';
import { Done } from './Done';
import { codeOf, type Messages } from './errors';
import { Field } from './Form';
import { LinkForm, type LinkFormProps } from './LinkForm';
import { closeLink } from './link';

const MESSAGES: Messages = {
  EMAIL_TAKEN: 'Another account has this e-mail address now.',
  INVALID_CREDENTIALS: 'The password is wrong.',
  UNAUTHENTICATED: 'Enter the password of the account that this link is for.',
};

interface ConfirmFormProps extends LinkFormProps {
  done: string;
  isDone: boolean;
  isSignedIn: boolean;
  onSubmit: (input: { password?: string }) => void;
  title: string;
}

/** Asks for the password, unless the user of the link is signed in here. */
export function ConfirmForm({
  done,
  error,
  isBusy,
  isDone,
  isSignedIn,
  onExpired,
  onSubmit,
  title,
}: ConfirmFormProps) {
  const [asksPassword, setAsksPassword] = useState(!isSignedIn);
  // Another user is signed in. The link still works.
  if (!asksPassword && codeOf(error) === 'UNAUTHENTICATED') setAsksPassword(true);
  if (isDone) {
    return (
      <Card title={title}>
        <Done>{done}</Done>
        <button type="button" className="primary" onClick={closeLink}>
          Continue
        </button>
      </Card>
    );
  }
  return (
    <LinkForm
      error={error}
      isBusy={isBusy}
      messages={MESSAGES}
      onExpired={onExpired}
      submit="Confirm"
      title={title}
      onSubmit={(value) => onSubmit(asksPassword ? { password: value('password') } : {})}
    >
      {asksPassword && (
        <Field
          name="password"
          label="Password"
          type="password"
          autoComplete="current-password"
          error={error}
        />
      )}
    </LinkForm>
  );
}
