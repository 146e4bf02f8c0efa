import { useMutation } from '@apollo/client/react';
import { closeLink } from '../../../shared/link';
import { ConfirmSignUpForm } from '../../../shared/SignInForms';
import { signIn } from '../../../shared/session';
import { graphql } from '../__generated__';

const CONFIRM_SIGN_UP = graphql(`
  mutation ConfirmSignUp($input: ConfirmSignUpInput!) {
    confirmSignUp(input: $input) {
      token
      user {
        id
      }
    }
  }
`);

interface ConfirmSignUpProps {
  onExpired: () => void;
  token: string;
}

export function ConfirmSignUp({ token, ...props }: ConfirmSignUpProps) {
  const [confirmSignUp, { error, loading }] = useMutation(CONFIRM_SIGN_UP, {
    onCompleted: ({ confirmSignUp }) => {
      closeLink();
      signIn(confirmSignUp);
    },
  });
  return (
    <ConfirmSignUpForm
      {...props}
      error={error}
      isBusy={loading}
      onSubmit={(input) => void confirmSignUp({ variables: { input: { ...input, token } } })}
    />
  );
}
