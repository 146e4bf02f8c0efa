import type { Features } from '../../../shared/features';
import type { Link } from '../../../shared/link';
import { ConfirmEmail } from '../components/ConfirmEmail';
import { ConfirmEmailChange } from '../components/ConfirmEmailChange';
import { ConfirmSignUp } from '../components/ConfirmSignUp';
import { ResetPassword } from '../components/ResetPassword';
import { SignInWithLink } from '../components/SignInWithLink';

interface LinkPageProps {
  features: Features;
  isSignedIn: boolean;
  link: Link;
  onExpired: () => void;
}

export function LinkPage({ features, isSignedIn, link, onExpired }: LinkPageProps) {
  const props = { token: link.token, onExpired };
  switch (link.kind) {
    case 'confirm':
      return <ConfirmEmail {...props} isSignedIn={isSignedIn} />;
    case 'email':
      return <ConfirmEmailChange {...props} isSignedIn={isSignedIn} />;
    case 'reset':
      return <ResetPassword {...props} minLength={features.passwordMinLength} />;
    case 'sign-in':
      return <SignInWithLink {...props} />;
    case 'sign-up':
      return <ConfirmSignUp {...props} />;
  }
}
