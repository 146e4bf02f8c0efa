import { useMutation } from '@apollo/client/react';
import { ConfirmForm } from '../../../shared/ConfirmForm';
import { tellOtherTabs } from '../../../shared/session';
import { graphql } from '../__generated__';

const CONFIRM_EMAIL_CHANGE = graphql(`
  mutation ConfirmEmailChange($input: ConfirmEmailChangeInput!) {
    confirmEmailChange(input: $input) {
      user {
        id
        email
        emailConfirmedAt
      }
    }
  }
`);

interface ConfirmEmailChangeProps {
  isSignedIn: boolean;
  onExpired: () => void;
  token: string;
}

export function ConfirmEmailChange({ token, ...props }: ConfirmEmailChangeProps) {
  const [confirmEmailChange, { data, error, loading }] = useMutation(CONFIRM_EMAIL_CHANGE, {
    onCompleted: tellOtherTabs,
  });
  return (
    <ConfirmForm
      {...props}
      title="Confirm your new e-mail address"
      done="Your e-mail address has changed."
      error={error}
      isBusy={loading}
      isDone={data != null}
      onSubmit={(input) => void confirmEmailChange({ variables: { input: { ...input, token } } })}
    />
  );
}
