/** The value below which that share (0 to 1) of the numbers lies. */
export const quantile = (numbers, share) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
};

/** The middle one: a round that the machine disturbed doesn't move it. */
export const median = (numbers) => quantile(numbers, 0.5);

/** The median of the ratios of rounds that were run next to each other. */
export const medianRatio = (ours, theirs) => median(ours.map((value, round) => value / theirs[round]));
