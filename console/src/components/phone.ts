/** Telephone numbers as people read them. */

/** Groups after the country code, for the plans met most; every other number is grouped in threes (E.123). */
const PLANS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^\+(1)(\d{10})$/, [3, 3, 4]],
  [/^\+(1)(\d{7})$/, [3, 4]],
  [/^\+(34)(\d{9})$/, [3, 3, 3]],
  [/^\+(44)(\d{10})$/, [4, 6]],
  [/^\+(52)(\d{10})$/, [2, 4, 4]],
  [/^\+(54)(\d{11})$/, [1, 2, 4, 4]],
  [/^\+(56)(\d{9})$/, [1, 4, 4]],
  [/^\+(57)(\d{10})$/, [3, 3, 4]],
];

/** `+56912345678` → `+56 9 1234 5678`, with spaces that do not break. Anything else comes back as it is. */
export function formatNumber(number: string): string {
  for (const [plan, sizes] of PLANS) {
    const match = plan.exec(number);
    if (match?.[1] && match[2]) return [`+${match[1]}`, ...split(match[2], sizes)].join("\u00a0");
  }
  return /^\+\d{7,15}$/.test(number) ? number.replace(/(\d{3})(?=\d{2})/g, "$1\u00a0") : number;
}

function split(digits: string, sizes: readonly number[]): string[] {
  const groups: string[] = [];
  let from = 0;
  for (const size of sizes) {
    groups.push(digits.slice(from, from + size));
    from += size;
  }
  return groups;
}
