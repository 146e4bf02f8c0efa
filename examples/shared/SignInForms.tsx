import { Field } from './Form';
import { LinkForm, type LinkFormProps } from './LinkForm';

// The links that begin a session.

interface FormProps<Input> extends LinkFormProps {
  onSubmit: (input: Input & { useCookie: true }) => void;
}

export function ConfirmSignUpForm({ onSubmit, ...props }: FormProps<{ password: string }>) {
  return (
    <LinkForm
      {...props}
      messages={{ INVALID_CREDENTIALS: 'The password is not that of the sign-up.' }}
      submit="Create account"
      title="Complete your sign-up"
      onSubmit={(value) => onSubmit({ password: value('password'), useCookie: true })}
    >
      <Field
        name="password"
        label="Password"
        type="password"
        autoComplete="current-password"
        hint="The one that you chose for this account."
        error={props.error}
      />
    </LinkForm>
  );
}

interface ResetPasswordFormProps extends FormProps<{ newPassword: string }> {
  minLength: number;
}

export function ResetPasswordForm({ minLength, onSubmit, ...props }: ResetPasswordFormProps) {
  return (
    <LinkForm
      {...props}
      submit="Save and log in"
      title="Choose a new password"
      onSubmit={(value) => onSubmit({ newPassword: value('newPassword'), useCookie: true })}
    >
      <Field
        name="newPassword"
        label="New password"
        type="password"
        autoComplete="new-password"
        hint={`At least ${minLength} characters of any kind.`}
        error={props.error}
      />
    </LinkForm>
  );
}

export function SignInWithLinkForm({ onSubmit, ...props }: FormProps<unknown>) {
  return (
    <LinkForm
      {...props}
      submit="Log in"
      title="Log in by a link"
      onSubmit={() => onSubmit({ useCookie: true })}
    />
  );
}
