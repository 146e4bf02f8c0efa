import { graphql } from 'react-relay/hooks';
import { closeLink } from '../../../shared/link';
import { SignInWithLinkForm } from '../../../shared/SignInForms';
import { signIn } from '../../../shared/session';
import type { SignInWithLinkMutation } from './__generated__/SignInWithLinkMutation.graphql';
import { useAction } from './useAction';

const SIGN_IN_WITH_LINK = graphql`
  mutation SignInWithLinkMutation($input: SignInWithLinkInput!) {
    signInWithLink(input: $input) {
      token
      user {
        id
      }
    }
  }
`;

interface SignInWithLinkProps {
  onExpired: () => void;
  token: string;
}

export function SignInWithLink({ token, ...props }: SignInWithLinkProps) {
  const { error, isBusy, send } = useAction<SignInWithLinkMutation>(SIGN_IN_WITH_LINK, (data) => {
    closeLink();
    signIn(data.signInWithLink);
  });
  return (
    <SignInWithLinkForm
      {...props}
      error={error}
      isBusy={isBusy}
      onSubmit={(input) => send({ input: { ...input, token } })}
    />
  );
}
