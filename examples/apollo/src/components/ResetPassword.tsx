import { useMutation } from '@apollo/client/react';
import { closeLink } from '../../../shared/link';
import { ResetPasswordForm } from '../../../shared/SignInForms';
import { signIn } from '../../../shared/session';
import { graphql } from '../__generated__';

const RESET_PASSWORD = graphql(`
  mutation ResetPassword($input: ResetPasswordInput!) {
    resetPassword(input: $input) {
      token
      user {
        id
        emailConfirmedAt
        hasPassword
      }
    }
  }
`);

interface ResetPasswordProps {
  minLength: number;
  onExpired: () => void;
  token: string;
}

export function ResetPassword({ token, ...props }: ResetPasswordProps) {
  const [resetPassword, { error, loading }] = useMutation(RESET_PASSWORD, {
    onCompleted: ({ resetPassword }) => {
      closeLink();
      signIn(resetPassword);
    },
  });
  return (
    <ResetPasswordForm
      {...props}
      error={error}
      isBusy={loading}
      onSubmit={(input) => void resetPassword({ variables: { input: { ...input, token } } })}
    />
  );
}
