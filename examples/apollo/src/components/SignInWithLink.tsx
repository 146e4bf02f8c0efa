import { useMutation } from '@apollo/client/react';
import { closeLink } from '../../../shared/link';
import { SignInWithLinkForm } from '../../../shared/SignInForms';
import { signIn } from '../../../shared/session';
import { graphql } from '../__generated__';

const SIGN_IN_WITH_LINK = graphql(`
  mutation SignInWithLink($input: SignInWithLinkInput!) {
    signInWithLink(input: $input) {
      token
      user {
        id
      }
    }
  }
`);

interface SignInWithLinkProps {
  onExpired: () => void;
  token: string;
}

export function SignInWithLink({ token, ...props }: SignInWithLinkProps) {
  const [signInWithLink, { error, loading }] = useMutation(SIGN_IN_WITH_LINK, {
    onCompleted: ({ signInWithLink }) => {
      closeLink();
      signIn(signInWithLink);
    },
  });
  return (
    <SignInWithLinkForm
      {...props}
      error={error}
      isBusy={loading}
      onSubmit={(input) => void signInWithLink({ variables: { input: { ...input, token } } })}
    />
  );
}
