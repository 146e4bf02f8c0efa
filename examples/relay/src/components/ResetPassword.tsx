import { graphql } from 'react-relay/hooks';
import { closeLink } from '../../../shared/link';
import { ResetPasswordForm } from '../../../shared/SignInForms';
import { signIn } from '../../../shared/session';
import type { ResetPasswordMutation } from './__generated__/ResetPasswordMutation.graphql';
import { useAction } from './useAction';

const RESET_PASSWORD = graphql`
  mutation ResetPasswordMutation($input: ResetPasswordInput!) {
    resetPassword(input: $input) {
      token
      user {
        id
        emailConfirmedAt
        hasPassword
      }
    }
  }
`;

interface ResetPasswordProps {
  minLength: number;
  onExpired: () => void;
  token: string;
}

export function ResetPassword({ token, ...props }: ResetPasswordProps) {
  const { error, isBusy, send } = useAction<ResetPasswordMutation>(RESET_PASSWORD, (data) => {
    closeLink();
    signIn(data.resetPassword);
  });
  return (
    <ResetPasswordForm
      {...props}
      error={error}
      isBusy={isBusy}
      onSubmit={(input) => send({ input: { ...input, token } })}
    />
  );
}
