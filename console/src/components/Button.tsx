import type { ButtonHTMLAttributes } from "react";

import styles from "./Button.module.css";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { kind?: "primary" | "plain" | "quiet" };

export function Button({ kind = "plain", type = "button", ...rest }: ButtonProps) {
  return <button className={styles.button} data-kind={kind} type={type} {...rest} />;
}
