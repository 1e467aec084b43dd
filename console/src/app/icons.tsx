/** The few signs of the frame, drawn with one line width. */
import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="18"
      height="18"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const LiveIcon = () => (
  <Icon>
    <path d="M2.5 10h2.2l1.8-5 3 10 2.6-7.5 1.5 2.5h3.9" />
  </Icon>
);

export const HistoryIcon = () => (
  <Icon>
    <path d="M3.2 6.2A7.5 7.5 0 1 1 2.5 10M3 3v3.4h3.4M10 6v4.2l2.8 1.6" />
  </Icon>
);

export const HealthIcon = () => (
  <Icon>
    <path d="M10 2.4 16.2 4.8v4.7c0 4-2.6 6.8-6.2 8.1-3.6-1.3-6.2-4.1-6.2-8.1V4.8ZM7.2 9.9l2 2 3.7-3.9" />
  </Icon>
);

export const BellIcon = () => (
  <Icon>
    <path d="M5 8a5 5 0 0 1 10 0c0 4 1.5 5 1.5 5h-13S5 12 5 8ZM8.5 16a1.6 1.6 0 0 0 3 0" />
  </Icon>
);

export const BellOffIcon = () => (
  <Icon>
    <path d="M5.2 6.8A5 5 0 0 0 5 8c0 4-1.5 5-1.5 5h9.8M7.4 3.7A5 5 0 0 1 15 8c0 1.4.2 2.5.5 3.3M8.5 16a1.6 1.6 0 0 0 3 0M3 3l14 14" />
  </Icon>
);

export const HelpIcon = () => (
  <Icon>
    <rect x="2" y="5" width="16" height="10.5" rx="2" />
    <path d="M5.2 8.2h.01M8.4 8.2h.01M11.6 8.2h.01M14.8 8.2h.01M6.5 12h7" />
  </Icon>
);

export const SignOutIcon = () => (
  <Icon>
    <path d="M8 3.5H5A1.5 1.5 0 0 0 3.5 5v10A1.5 1.5 0 0 0 5 16.5h3M12.5 13.5 16 10l-3.5-3.5M16 10H8" />
  </Icon>
);
