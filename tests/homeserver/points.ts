/**
 * Where a test kills at many points, `npm test` plays the ones that can go wrong each in its own way: after every effect that the server has and the
 * bot does not know of, and before some. `GATEHOUSE_TEST_POINTS=all` plays every one, for who changes what they are about.
 */
const everyPoint = process.env['GATEHOUSE_TEST_POINTS'] === 'all'

/** The points to be played: all of them, or those named. */
export const pointsOf = <Point>(all: readonly Point[], usual: (point: Point) => boolean): readonly Point[] =>
  everyPoint ? all : all.filter(usual)
