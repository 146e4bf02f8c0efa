import { Component, type ReactNode } from 'react';
import { ErrorNotice } from '../../../shared/Notice';

interface ErrorBoundaryProps {
  children: ReactNode;
  onRetry: () => void;
}

/** Change its `key` to render its children again. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { error: unknown }> {
  state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return <ErrorNotice error={error} onRetry={this.props.onRetry} />;
  }
}
