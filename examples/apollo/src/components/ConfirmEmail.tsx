import { useMutation } from '@apollo/client/react';
import { ConfirmForm } from '../../../shared/ConfirmForm';
import { tellOtherTabs } from '../../../shared/session';
import { graphql } from '../__generated__';

const CONFIRM_EMAIL = graphql(`
  mutation ConfirmEmail($input: ConfirmEmailInput!) {
    confirmEmail(input: $input) {
      user {
        id
        email
        emailConfirmedAt
      }
    }
  }
`);

interface ConfirmEmailProps {
  isSignedIn: boolean;
  onExpired: () => void;
  token: string;
}

export function ConfirmEmail({ token, ...props }: ConfirmEmailProps) {
  const [confirmEmail, { data, error, loading }] = useMutation(CONFIRM_EMAIL, {
    onCompleted: tellOtherTabs,
  });
  return (
    <ConfirmForm
      {...props}
      title="Confirm your e-mail address"
      done="Your e-mail address is confirmed."
      error={error}
      isBusy={loading}
      isDone={data != null}
      onSubmit={(input) => void confirmEmail({ variables: { input: { ...input, token } } })}
    />
  );
}
