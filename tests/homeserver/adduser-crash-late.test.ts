import { testKills } from './arrival-kills.ts'

testKills('late')
